import { type Case, far, plugin, secure } from './kubeconfig-cases.ts'

/** Texts that one program may take and another not, by what is special about them. */
export const oddCases: Readonly<Record<string, Case>> = {
  'a token with a line break at its end': {
    cluster: secure,
    user: () => ({ token: 't0ken\n' }),
    fails: true,
  },
  'a token with a line break in it': { cluster: secure, user: () => ({ token: 't0\nken' }), fails: true },
  'a token with a control character': {
    cluster: secure,
    user: () => ({ token: 't0\u007fken' }),
    fails: true,
  },
  'a token with spaces around it': { cluster: secure, user: () => ({ token: ' t0ken ' }) },
  'a token with a tab in it': { cluster: secure, user: () => ({ token: 't0\tken' }) },
  'a token that is not of ASCII': { cluster: secure, user: () => ({ token: 't0k€n' }) },
  'a token file with space around the token': {
    cluster: secure,
    user: () => ({ tokenFile: 'odd' }),
    files: { odd: ' \n t0ken \n\n' },
  },
  'a token file with a line break in the token': {
    cluster: secure,
    user: () => ({ tokenFile: 'odd' }),
    files: { odd: 't0\nken' },
    fails: true,
  },
  'an empty token file': {
    cluster: secure,
    user: () => ({ tokenFile: 'odd' }),
    files: { odd: '\n' },
    fails: true,
  },
  'an empty token file, and a token': {
    cluster: secure,
    user: () => ({ tokenFile: 'odd', token: 'there' }),
    files: { odd: '\n' },
  },
  'a plugin whose token has a line break at its end': {
    cluster: secure,
    user: plugin({ token: 'from-plugin\n' }),
    fails: true,
  },
  'a line break in the name to impersonate': {
    user: () => ({ token: 't0ken', as: 'ada\nlovelace' }),
    fails: true,
  },
  'a line break in a group to impersonate': {
    user: () => ({ token: 't0ken', as: 'ada', 'as-groups': ['one\n'] }),
    fails: true,
  },
  'a line break in an extra to impersonate': {
    user: () => ({ token: 't0ken', as: 'ada', 'as-user-extra': { reason: ['a\nb'] } }),
    fails: true,
  },
  'a trailing comma in JSON': { text: (json) => json.replace(/\}$/, ',}') },
  'a trailing comma in a list of JSON': { text: (json) => json.replaceAll(/\]/g, ',]') },
  'a comment in JSON': { text: (json) => json.replace('{', '{ # a comment\n') },
  'a slash comment in JSON': { text: (json) => json.replace('{', '{ // a comment\n'), fails: true },
  'a second document': { text: (json) => `${json}\n---\n{}` },
  'a field twice': {
    text: (json) => json.replace('"current-context"', '"current-context":"y","current-context"'),
  },
  'a field with another case': {
    text: (json) => json.replace('"current-context"', '"Current-Context"'),
    fails: true,
  },
  'an unknown field': { text: (json) => json.replace('{', '{"unknown": 1,') },
  'a number as the name of a context': {
    text: (json) => json.replace('"current-context":"x"', '"current-context":1'),
    fails: true,
  },
  'another kind': { text: (json) => json.replace('{', '{"apiVersion":"v1","kind":"Pod",'), fails: true },
  'another version': {
    text: (json) => json.replace('{', '{"apiVersion":"v2","kind":"Config",'),
    fails: true,
  },
  'a proxy of socks5h in the kubeconfig': {
    cluster: (place) => ({ ...far(place), 'proxy-url': `socks5h://127.0.0.1:${place.socks}` }),
    fails: true,
  },
  'a proxy of SOCKS in capitals in the kubeconfig': {
    cluster: (place) => ({ ...far(place), 'proxy-url': `SOCKS5://127.0.0.1:${place.socks}` }),
  },
  'a proxy without a scheme in the kubeconfig': {
    cluster: (place) => ({ ...far(place), 'proxy-url': `127.0.0.1:${place.proxy}` }),
    fails: true,
  },
  'a proxy of socks5h in the environment': {
    cluster: far,
    env: ({ socks }) => ({ HTTPS_PROXY: `socks5h://127.0.0.1:${socks}` }),
  },
}
