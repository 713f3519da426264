/** The objects that a kubeconfig can name. */
export interface Place {
  readonly plain: number
  readonly secure: number
  readonly proxy: number
  /** A proxy of HTTPS, with the certificate of the API server. */
  readonly secureProxy: number
  readonly socks: number
  /** PEM in base64: of the API server and its clients alike. */
  readonly cert: string
  readonly key: string
  readonly folder: string
}

/** One kubeconfig, by default for plain HTTP and with a token. */
export interface Case {
  readonly cluster?: (place: Place) => object
  readonly user?: (place: Place) => object
  /** Flags that both have. */
  readonly flags?: readonly string[]
  readonly env?: (place: Place) => Record<string, string>
  /** True where both have to fail before they ask. */
  readonly fails?: true
}

/** Over TLS the server has this name only, and plain HTTP is asked at an address that proxies are not passed over for. */
const secure = ({ secure: port, cert }: Place) => ({
  server: `https://127.0.0.1:${port}`,
  'certificate-authority-data': cert,
})
/** Asked where proxies are passed over. */
export const plainly = ({ plain }: Place) => ({ server: `http://127.0.0.1:${plain}` })
/** The usual user. */
export const token = () => ({ token: 't0ken' })
const plugin =
  (status: object, more: object = {}) =>
  ({ folder }: Place) => ({
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: './plugin.sh',
      args: [
        JSON.stringify({
          apiVersion: 'client.authentication.k8s.io/v1',
          kind: 'ExecCredential',
          status: { ...status },
        }),
        folder,
      ],
      interactiveMode: 'Never',
      ...more,
    },
  })
const proxied = ({ proxy }: Place) => ({
  HTTPS_PROXY: `http://127.0.0.1:${proxy}`,
  HTTP_PROXY: `127.0.0.1:${proxy}`,
})
const far = ({ secure: port, cert }: Place) => ({
  server: `https://0.0.0.0:${port}`,
  'certificate-authority-data': cert,
  'tls-server-name': 'api.example',
})
const exempt = (rule: string) => (place: Place) => ({ ...proxied(place), NO_PROXY: rule })

/** Kubeconfigs that kubectl and Holdfast have to take for the same, by what is special about them. */
export const cases: Readonly<Record<string, Case>> = {
  'a token': { cluster: secure, user: token },
  'a token, which is not told over plain HTTP': { user: token },
  'a token file beside the kubeconfig': { cluster: secure, user: () => ({ tokenFile: 'token' }) },
  'a token file wins over a token': { cluster: secure, user: () => ({ tokenFile: 'token', token: 'old' }) },
  'a token and a file that is missing': {
    cluster: secure,
    user: () => ({ tokenFile: 'no-file', token: 'there' }),
  },
  'a name and a password': { cluster: secure, user: () => ({ username: 'ada', password: 'l0v€' }) },
  'a name and a password in the URL, beside a token': {
    cluster: (place) => ({ ...secure(place), server: `https://ada:love@127.0.0.1:${place.secure}` }),
  },
  'a name and a password in the URL': {
    cluster: ({ plain }) => ({ server: `http://ada:love@127.0.0.1:${plain}` }),
    user: () => ({}),
  },
  'a server without a scheme': { cluster: ({ plain }) => ({ server: `127.0.0.1:${plain}` }) },
  'a server without a scheme, with an authority': {
    cluster: ({ plain, cert }) => ({ server: `127.0.0.1:${plain}`, 'certificate-authority-data': cert }),
  },
  'a whole impersonation': {
    user: () => ({
      ...token(),
      as: 'storage-operator',
      'as-uid': '4711',
      'as-groups': ['storage-admins', 'system:authenticated', 'Lägerverwaltung'],
      'as-user-extra': { reason: ['maintenance 42', 'again'], 'example.com/Scope %': ['a'] },
    }),
  },
  'flags that say whom to act as': {
    user: () => ({ ...token(), as: 'grace', 'as-uid': '1', 'as-groups': ['x'] }),
    flags: ['--as', 'ada', '--as-group', 'one', '--as-group', 'two', '--as-uid', '4711'],
  },
  'a flag that says as which user, beside groups of the kubeconfig': {
    user: () => ({ ...token(), as: 'grace', 'as-groups': ['x'] }),
    flags: ['--as', 'ada'],
  },
  'a flag for a group alone': { flags: ['--as-group', 'one'], fails: true },
  'an impersonation of a user alone': { user: () => ({ ...token(), as: 'grace' }) },
  'groups without a user to impersonate': { user: () => ({ ...token(), 'as-groups': ['x'] }), fails: true },
  'a client certificate': {
    cluster: secure,
    user: ({ cert, key }) => ({ 'client-certificate-data': cert, 'client-key-data': key }),
  },
  'a client certificate in files, and an authority in one': {
    cluster: ({ secure: port }) => ({
      server: `https://127.0.0.1:${port}`,
      'certificate-authority': 'ca.crt',
    }),
    user: () => ({ 'client-certificate': 'ca.crt', 'client-key': 'ca.key' }),
  },
  'a certificate and a token': {
    cluster: secure,
    user: ({ cert, key }) => ({ ...token(), 'client-certificate-data': cert, 'client-key-data': key }),
  },
  'an authority that is not the server’s': {
    cluster: (place) => ({ server: `https://127.0.0.1:${place.secure}` }),
    fails: true,
  },
  'a server that is not verified': {
    cluster: ({ secure: port }) => ({ server: `https://0.0.0.0:${port}`, 'insecure-skip-tls-verify': true }),
  },
  'a server that is not verified although there is an authority': {
    cluster: (place) => ({ ...secure(place), 'insecure-skip-tls-verify': true }),
    fails: true,
  },
  'another name in the certificate': { cluster: far },
  'an address in the place of that name': {
    cluster: (place) => ({ ...far(place), 'tls-server-name': '127.0.0.1' }),
  },
  'a wrong name in its place': {
    cluster: (place) => ({ ...far(place), 'tls-server-name': 'other.example' }),
    fails: true,
  },
  'a plugin with a token': { cluster: secure, user: plugin({ token: 'from-plugin' }) },
  'a plugin with a certificate': {
    cluster: secure,
    user: ({ cert, key, ...rest }) =>
      plugin({
        clientCertificateData: Buffer.from(cert, 'base64').toString(),
        clientKeyData: Buffer.from(key, 'base64').toString(),
      })({ cert, key, ...rest }),
  },
  'a plugin that is told which cluster it is for': {
    cluster: (place) => ({
      ...far(place),
      'proxy-url': `http://127.0.0.1:${place.proxy}`,
      extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a', n: 1 } }],
    }),
    user: plugin({ token: 'from-plugin' }, { provideClusterInfo: true }),
  },
  'a plugin that is told of a cluster that is not verified': {
    cluster: ({ secure: port }) => ({
      server: `https://127.0.0.1:${port}/`,
      'insecure-skip-tls-verify': true,
    }),
    user: plugin({ token: 'from-plugin' }, { provideClusterInfo: true }),
  },
  'a plugin over plain HTTP, which is not run': { user: plugin({ token: 'from-plugin' }) },
  'a plugin beside a token': {
    cluster: secure,
    user: (place) => ({ ...plugin({ token: 'x' })(place), ...token() }),
  },
  'a plugin of another version': {
    cluster: secure,
    user: plugin({ token: 'x' }, { apiVersion: 'client.authentication.k8s.io/v1beta1' }),
    fails: true,
  },
  'a plugin that needs a terminal': {
    cluster: secure,
    user: plugin({ token: 'x' }, { interactiveMode: 'Always' }),
    fails: true,
  },
  'a plugin that is not installed': {
    cluster: secure,
    user: plugin({}, { command: 'no-such-plugin', installHint: 'Get it.' }),
    fails: true,
  },
  'a proxy in the kubeconfig': {
    cluster: (place) => ({ ...secure(place), 'proxy-url': `http://ann:s%40d@127.0.0.1:${place.proxy}` }),
  },
  'a proxy in the kubeconfig, for plain HTTP': {
    cluster: ({ plain, proxy }) => ({
      server: `http://api.invalid:${plain}`,
      'proxy-url': `http://ann:s%40d@127.0.0.1:${proxy}`,
    }),
  },
  'a proxy of SOCKS, which resolves the name': {
    cluster: (place) => ({
      ...far(place),
      server: `https://api.example:${place.secure}`,
      'proxy-url': `socks5://ann:s%40d@127.0.0.1:${place.socks}`,
    }),
  },
  'a proxy of SOCKS, for plain HTTP': {
    cluster: ({ plain, socks }) => ({
      server: `http://api.invalid:${plain}`,
      'proxy-url': `socks5://127.0.0.1:${socks}`,
    }),
  },
  'a proxy with a scheme that is none': {
    cluster: (place) => ({ ...secure(place), 'proxy-url': 'ftp://127.0.0.1' }),
    fails: true,
  },
  'a proxy in the environment': { cluster: far, env: proxied },
  'a proxy in the environment, for plain HTTP': {
    cluster: ({ plain }) => ({ server: `http://api.invalid:${plain}` }),
    env: proxied,
  },
  'a proxy in the environment in lower case': {
    cluster: far,
    env: ({ proxy }) => ({ https_proxy: `http://127.0.0.1:${proxy}` }),
  },
  'a proxy of SOCKS in the environment': {
    cluster: far,
    env: ({ socks }) => ({ HTTPS_PROXY: `socks5://127.0.0.1:${socks}` }),
  },
  'a proxy for the other scheme only': {
    cluster: far,
    env: ({ proxy }) => ({ HTTP_PROXY: `http://127.0.0.1:${proxy}` }),
  },
  'upper case wins over lower case': {
    cluster: far,
    env: (place) => ({ ...proxied(place), https_proxy: 'http://127.0.0.1:1' }),
  },
  'no proxy for this machine': { cluster: secure, env: proxied },
  'but one in the kubeconfig': {
    cluster: (place) => ({ ...secure(place), 'proxy-url': `http://127.0.0.1:${place.proxy}` }),
    env: exempt('*'),
  },
  'a proxy in the kubeconfig wins over the environment': {
    cluster: (place) => ({ ...far(place), 'proxy-url': `socks5://127.0.0.1:${place.socks}` }),
    env: proxied,
  },
  'a proxy of HTTPS that the authority of the cluster has signed': {
    cluster: (place) => ({ ...far(place), 'proxy-url': `https://127.0.0.1:${place.secureProxy}` }),
    user: ({ cert, key }) => ({ 'client-certificate-data': cert, 'client-key-data': key }),
  },
  'a proxy of HTTPS in the environment': {
    cluster: far,
    env: ({ secureProxy }) => ({ HTTPS_PROXY: `https://127.0.0.1:${secureProxy}` }),
  },
  'a proxy of HTTPS, and neither it nor the server is verified': {
    cluster: ({ secure: port, secureProxy }) => ({
      server: `https://0.0.0.0:${port}`,
      'insecure-skip-tls-verify': true,
      'proxy-url': `https://127.0.0.1:${secureProxy}`,
    }),
  },
  'a proxy of HTTPS that has not the name of the server': {
    cluster: (place) => ({
      ...far(place),
      'tls-server-name': 'other.example',
      'proxy-url': `https://127.0.0.1:${place.secureProxy}`,
    }),
    fails: true,
  },
  'a proxy of HTTPS, for plain HTTP, is not what the authority of the cluster is for': {
    cluster: ({ plain, cert, secureProxy }) => ({
      server: `http://api.invalid:${plain}`,
      'certificate-authority-data': cert,
      'proxy-url': `https://127.0.0.1:${secureProxy}`,
    }),
    fails: true,
  },
  'an API server of IPv6 through a proxy': {
    cluster: (place) => ({ ...far(place), server: `https://[fd00::1]:${place.secure}` }),
    env: proxied,
  },
  'NO_PROXY with an address': { cluster: far, env: exempt('10.0.0.1, 0.0.0.0') },
  'NO_PROXY with a block of addresses': { cluster: far, env: exempt('0.0.0.0/8') },
  'NO_PROXY with another block': { cluster: far, env: exempt('10.0.0.0/8') },
  'NO_PROXY with a port': { cluster: far, env: (place) => exempt(`0.0.0.0:${place.secure}`)(place) },
  'NO_PROXY with another port': { cluster: far, env: exempt('0.0.0.0:1') },
  'no_proxy in lower case': { cluster: far, env: (place) => ({ ...proxied(place), no_proxy: '*' }) },
}
