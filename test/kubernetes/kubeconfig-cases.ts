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
  /** The text of the kubeconfig, made from it as JSON. */
  readonly text?: (json: string) => string
  /** Other files beside it. */
  readonly files?: Readonly<Record<string, string>>
  /** True where both have to fail before they ask. */
  readonly fails?: true
}

/** Over TLS the server has this name only, and plain HTTP is asked at an address that proxies are not passed over for. */
export const secure = ({ secure: port, cert }: Place) => ({
  server: `https://127.0.0.1:${port}`,
  'certificate-authority-data': cert,
})
/** Asked where proxies are passed over. */
export const plainly = ({ plain }: Place) => ({ server: `http://127.0.0.1:${plain}` })
/** The usual user. */
export const token = () => ({ token: 't0ken' })
/** A user with a program that prints this. */
export const plugin =
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
/** A server whose certificate is for another name than its address. */
export const far = ({ secure: port, cert }: Place) => ({
  server: `https://0.0.0.0:${port}`,
  'certificate-authority-data': cert,
  'tls-server-name': 'api.example',
})

/** Kubeconfigs that kubectl and Holdfast have to read alike, by their special part. */
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
  'a token and a password': {
    cluster: secure,
    user: () => ({ ...token(), username: 'ada', password: 'x' }),
    fails: true,
  },
  'a password without a name': { cluster: secure, user: () => ({ password: 'x' }) },
  'a name without a password': { cluster: secure, user: () => ({ username: 'ada' }) },
  'a server behind a path': {
    cluster: (place) => ({
      ...secure(place),
      server: `https://127.0.0.1:${place.secure}/k8s/clusters/c-m-1/`,
    }),
  },
  'a certificate in two places': {
    cluster: secure,
    user: ({ cert, key }) => ({
      'client-certificate': 'ca.crt',
      'client-certificate-data': cert,
      'client-key-data': key,
    }),
    fails: true,
  },
  'a certificate without its key': {
    cluster: secure,
    user: ({ cert }) => ({ 'client-certificate-data': cert }),
    fails: true,
  },
  'an authority in two places': {
    cluster: (place) => ({ ...secure(place), 'certificate-authority': 'ca.crt' }),
    fails: true,
  },
  'an authority in lines of 64': {
    cluster: (place) => ({
      ...secure(place),
      'certificate-authority-data': place.cert.replaceAll(/.{64}/g, '$&\n'),
    }),
  },
  'an authority that is no base64': {
    cluster: (place) => ({ ...secure(place), 'certificate-authority-data': `!${place.cert}` }),
    fails: true,
  },
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
  'a plugin of a version that is gone': {
    cluster: secure,
    user: plugin({ token: 'x' }, { apiVersion: 'client.authentication.k8s.io/v1alpha1' }),
    fails: true,
  },
  'a plugin that does not say whether it asks a person': {
    cluster: secure,
    user: plugin({ token: 'x' }, { interactiveMode: undefined }),
    fails: true,
  },
  'a plugin beside a provider': {
    cluster: secure,
    user: (place) => ({ ...plugin({ token: 'x' })(place), 'auth-provider': { name: 'oidc', config: {} } }),
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
}
