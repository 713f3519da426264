import t from 'tap'
import { skip } from './helm.ts'
import { rendered } from './manifest.ts'
import { set } from './rendered.ts'

/** Values that the API server or the node would reject later, where few see the reason. */
const refused: readonly (readonly [readonly string[], RegExp])[] = [
  [
    set('hostNetwork=true', 'config.port=443'),
    /config\.port: 443 is below 1024.* on the network of its node.* choose another/is,
  ],
  [set('hostNetwork=true', 'config.healthPort=80'), /config\.healthPort: 80 is below 1024/],
  [
    set('service.ipFamilyPolicy=SingleStack', 'service.ipFamilies={IPv6,IPv4}'),
    /service\.ipFamilies: SingleStack takes one family, and there are 2/,
  ],
  // The kubelet alone would say InvalidImageName.
  [set('image.repository=r.example/holdfast:1'), /image\/repository.* does not match/s],
  [set('image.repository=r.example/holdfast@sha256:1'), /image\/repository.* does not match/s],
  [set('image.repository='), /image\/repository.* does not match/s],
  [set('image.tag=v1+build'), /image\/tag.* does not match/s],
  [set('image.tag=:1'), /image\/tag.* does not match/s],
]

t.test('values that only the cluster would refuse are refused with a sentence', { skip }, (t) => {
  for (const [values, sentence] of refused) t.throws(() => rendered(values), sentence, values.join(' '))
  t.end()
})

t.test('the same values are taken where they can work', { skip }, (t) => {
  for (const values of [
    set('config.port=443'),
    set('image.repository=r.example:5000/storage/holdfast', 'image.tag=v1.0-rc.1_x'),
    set('hostNetwork=true', 'config.port=1024'),
    set('service.ipFamilyPolicy=RequireDualStack', 'service.ipFamilies={IPv6,IPv4}'),
    set('service.ipFamilyPolicy=SingleStack', 'service.ipFamilies={IPv6}'),
  ])
    t.ok(rendered(values).all.length > 10, values.join(' '))
  t.end()
})

t.test('an upstream that names a version of the API is refused', { skip }, (t) => {
  const upstream = (url: string) => set('proxy.longhorn.enabled=true', `proxy.longhorn.upstream=${url}`)
  for (const url of ['http://x:9500/v1', 'http://x/longhorn/v1/', 'http://x/?a=b'])
    t.throws(() => rendered(upstream(url)), /upstream/, url)
  for (const url of ['http://x:9500', 'http://x/longhorn', 'http://x/v1beta'])
    t.ok(rendered(upstream(url)).all.length > 10, url)
  t.end()
})
