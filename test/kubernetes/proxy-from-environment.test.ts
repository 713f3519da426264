import t from 'tap'
import { proxyFromEnvironment } from '../../src/kubernetes/client/route.ts'

const proxy = 'http://proxy.example:3128'
const both = { HTTPS_PROXY: proxy, HTTP_PROXY: 'http://plain.example' }

/** The route of requests to a server. */
function through(server: string, environment: Readonly<Record<string, string>>): string | undefined {
  return proxyFromEnvironment(new URL(server), environment)?.origin
}

t.test('the scheme of the server chooses the variable', (t) => {
  t.equal(through('https://api.example', both), proxy)
  t.equal(through('http://api.example', both), 'http://plain.example')
  t.equal(through('https://api.example', { HTTP_PROXY: proxy }), undefined)
  t.equal(through('https://api.example', { https_proxy: proxy, HTTPS_PROXY: '' }), proxy)
  t.equal(through('https://api.example', { https_proxy: 'http://other.example', HTTPS_PROXY: proxy }), proxy)
  t.equal(through('https://api.example', { HTTPS_PROXY: 'proxy.example:3128' }), proxy, 'a host with a port')
  t.equal(through('https://api.example', { HTTPS_PROXY: 'http://[' }), undefined)
  t.equal(through('https://api.example', { HTTPS_PROXY: 'http://ann:100%@proxy.example' }), undefined)
  t.equal(through('https://api.example', { HTTPS_PROXY: 'http://ann:%ff@proxy.example' }), undefined)
  t.equal(through('https://api.example', {}), undefined)
  t.end()
})

t.test('this machine is never asked through a proxy', (t) => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]']) {
    t.equal(through(`https://${host}:6443`, both), undefined, host)
  }
  t.end()
})

/** Values of NO_PROXY, with servers that match and servers that do not. */
const rules: readonly (readonly [rule: string, straight: readonly string[], proxied: readonly string[]])[] = [
  ['*', ['api.example', '10.0.0.1'], []],
  ['other.example, *', ['api.example'], []],
  ['example', ['api.example', 'example'], ['api-example']],
  ['API.Example', ['api.example', 'a.api.example'], ['xapi.example', 'example']],
  ['.example', ['api.example'], ['example']],
  ['*.example', ['api.example', 'a.b.example'], ['example']],
  ['api.example:6443', ['api.example:6443'], ['api.example', 'api.example:443']],
  ['api.example:443', ['api.example'], ['api.example:6443']],
  ['10.0.0.1', ['10.0.0.1', '10.0.0.1:6443'], ['10.0.0.2', 'ten.example']],
  ['10.0.0.1:6443', ['10.0.0.1:6443'], ['10.0.0.1']],
  ['10.0.0.0/8', ['10.255.0.1'], ['11.0.0.1', 'api.example']],
  ['fd00::/8', ['[fd00::1]', '[fdff::1]:6443'], ['[fe80::1]']],
  ['fd00:0::1', ['[fd00::1]'], ['[fd00::2]']],
  ['[fd00::1]:6443', ['[fd00::1]:6443'], ['[fd00::1]']],
  ['', [], ['api.example']],
  [',,:6443,10.0.0.0/99', [], ['api.example', '10.0.0.1']],
]

for (const [rule, straight, proxied] of rules) {
  t.test(`NO_PROXY=${rule}`, (t) => {
    for (const host of straight)
      t.equal(through(`https://${host}`, { ...both, NO_PROXY: rule }), undefined, host)
    for (const host of proxied) t.equal(through(`https://${host}`, { ...both, no_proxy: rule }), proxy, host)
    t.end()
  })
}
