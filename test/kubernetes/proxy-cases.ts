import { type Case, far, type Place, secure } from './kubeconfig-cases.ts'

const proxied = ({ proxy }: Place) => ({
  HTTPS_PROXY: `http://127.0.0.1:${proxy}`,
  HTTP_PROXY: `127.0.0.1:${proxy}`,
})
const exempt = (rule: string) => (place: Place) => ({ ...proxied(place), NO_PROXY: rule })

/** Ways through proxies, by their special part. */
export const proxyCases: Readonly<Record<string, Case>> = {
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
