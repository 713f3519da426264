import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createSecureContext, type SecureContext } from 'node:tls'
import { asJson, LastAnswers } from '../../src/tls/last-answers.ts'
import { defaultConnectionOptions } from '../../src/doors/webhook/connection-options.ts'
import { endpoint } from '../../src/doors/webhook/endpoint.ts'
import { defaultReviewOptions, Reviewer } from '../../src/doors/webhook/reviewer.ts'
import { isArming } from '../../src/rules/change.ts'
import { testCertificates } from '../doors/webhook/test-certificates.ts'
import { anyCluster } from './any-cluster.ts'
import { anyReviewRequest } from './any-request.ts'
import { anyReview, recordedObjects } from './any-review.ts'
import { isLeaving } from './crash-oracle.ts'
import { exchange } from './exchange.ts'
import { JudgedCluster, type JudgedOptions } from './judged-cluster.ts'
import { type Asked, isOfStored, writeIn, wronglyAdmitted, wronglyDenied } from './laws.ts'
import type { Measured } from './measured-cases.ts'
import type { Random } from './random.ts'
import { copyOf, keyOf } from './raw.ts'
import { StraightLine } from './straight.ts'
import type { Surprises } from './surprises.ts'
import { Violation } from './violation.ts'
import { askedIn, isTooDeep, judged } from './well-formed.ts'

/** How many reviews come over TLS, as bytes: their framing is fuzzed there too. */
const overTls = 0.02

/** The webhook's endpoint with the reviewer of one cluster after the other behind it. */
export class Reviews {
  readonly #app: ReturnType<typeof endpoint>
  readonly #line: StraightLine
  /** Reading the certificate anew for each connection takes as long as its handshake. */
  readonly #trusted: SecureContext
  readonly #surprises: Surprises
  readonly #options: JudgedOptions
  #reviewer: Pick<Reviewer, 'review' | 'known' | 'unread'> | undefined
  #port: number | undefined

  private constructor(
    surprises: Surprises,
    options: JudgedOptions,
    ca: string,
    serving: { cert: string; key: string },
  ) {
    this.#trusted = createSecureContext({ ca })
    this.#surprises = surprises
    this.#options = options
    const log = surprises.log
    this.#app = endpoint(serving, defaultConnectionOptions, {
      reviewer: {
        review: async (...asked) => await this.#present().review(...asked),
        known: (...asked) => this.#present().known(...asked),
        unread: (...asked) => this.#present().unread(...asked),
      },
      lastAnswers: new LastAnswers({ inWords: asJson }),
      leaving: new AbortController().signal,
      now: () => performance.now(),
      log,
    })
    this.#line = new StraightLine((request, response) => this.#app.routing(request, response))
  }

  static async create(surprises: Surprises, options: JudgedOptions): Promise<Reviews> {
    const { ca, serving } = await testCertificates()
    const reviews = new Reviews(surprises, options, ca, serving)
    await reviews.#app.ready()
    return reviews
  }

  async stop(): Promise<void> {
    this.#line.close()
    await this.#app.close()
  }

  /**
   * Sends reviews about one cluster, one after the other, each checked.
   *
   * @param measured called with each, to be measured
   * @throws Violation
   */
  async batch(random: Random, measured: Measured, count: number): Promise<void> {
    const made = anyCluster(random)
    if (random.chance(0.2))
      for (const object of recordedObjects(random))
        made.objects.set(keyOf(object.kind, object.metadata.name), object)
    const cluster = new JudgedCluster(made, this.#options)
    const { log } = this.#surprises
    this.#reviewer = new Reviewer(
      { ...defaultReviewOptions, recordMs: 0 },
      {
        decide: (change, patience) => cluster.gate.decide(change, patience),
        isArming,
        denied: (write, withinMs) => cluster.trail.denied(write, withinMs),
        log,
        timers: cluster.clock,
      },
    )
    const under = new UnderWay(cluster)
    for (let at = 0; at < count; at += 1) {
      under.step(random)
      await measured(() => this.#review(cluster, under, random))
      const [problem] = cluster.problems
      if (problem !== undefined) throw new Violation(problem, '')
    }
    await cluster.stop()
  }

  #present(): Pick<Reviewer, 'review' | 'known' | 'unread'> {
    if (!this.#reviewer) throw new Error('there is no cluster')
    return this.#reviewer
  }

  async #review(cluster: JudgedCluster, under: UnderWay, random: Random): Promise<Buffer> {
    const body = anyReview(cluster.objects, random)
    if (random.chance(overTls)) return await this.#rawly(body, random)
    const url = `/validate?timeout=${random.oneOf(['10s', '10s', '1s', '30s', 'x'])}`
    const answer = await this.#line.post({ url, body })
    if (answer.state !== 'whole' || answer.statuses.length !== 1)
      throw new Violation(`there is no answer, or not one: ${JSON.stringify(answer)}`, body)
    const [status = 0] = answer.statuses
    const text = answer.lastBody.toString()
    const asked = askedIn(body)
    const came = judged(asked, status, text)
    if ('problem' in came) throw new Violation(`${came.problem}: ${status} ${text}`, body)
    // Bodies that are nested that deep cannot be compared; no API server sends one.
    const write = asked && !isTooDeep(body) && writeIn(asked.review)
    if (!write) return body
    const wrong = came.allowed ? under.wronglyAdmitted(write) : wronglyDenied(write)
    if (wrong !== undefined)
      throw new Violation(`${wrong}: ${text}\nstored: ${JSON.stringify([...cluster.objects])}`, body)
    if (came.allowed) under.admit(write)
    return body
  }

  /** A body that is no review may be admitted here too; other checks cover it. */
  async #rawly(body: Buffer, random: Random): Promise<Buffer> {
    this.#port ??= await this.#listen()
    const request = anyReviewRequest(body, random)
    const socket = connect({
      port: this.#port,
      host: '127.0.0.1',
      secureContext: this.#trusted,
      ALPNProtocols: ['http/1.1'],
    })
    socket.on('error', () => undefined)
    await once(socket, 'secureConnect')
    const came = await exchange(socket, request)
    socket.destroy()
    if (came.state === 'broken') throw new Violation(`the answer is broken: ${came.why}`, request.bytes)
    if (request.isWhole && (came.state !== 'whole' || came.statuses.length === 0))
      throw new Violation(`there is no answer: ${came.state}`, request.bytes)
    if (came.state === 'silent')
      throw new Violation('the connection is neither answered nor closed', request.bytes)
    return request.bytes
  }

  async #listen(): Promise<number> {
    await this.#app.listen({ host: '127.0.0.1', port: 0 })
    return (this.#app.server.address() as AddressInfo).port
  }
}

/** The admitted changes: some are committed at once, some later, some never. */
class UnderWay {
  readonly #cluster: JudgedCluster
  #admitted: Asked[] = []
  #versions = 1_000

  constructor(cluster: JudgedCluster) {
    this.#cluster = cluster
  }

  /** Time passes, admitted writes may be committed, and Longhorn's controllers may act. */
  step(random: Random): void {
    this.#cluster.clock.advance(random.below(1_000))
    for (const write of this.#admitted.filter(() => random.chance(0.2))) this.#commit(write)
    if (random.chance(0.05)) this.#admitted = []
    if (random.chance(0.15)) this.#drain(random)
  }

  /**
   * On what is stored alone, and with everything that is under way. Writes of what is being deleted pass and reserve
   * nothing, so they are not among it.
   */
  wronglyAdmitted(write: Asked): string | undefined {
    const { objects, release } = this.#cluster
    const alone = wronglyAdmitted(objects, release, write)
    if (alone !== undefined) return alone
    const all = new Map(objects)
    let areMore = false
    for (const { before, after } of this.#admitted)
      if (before && after && !isLeaving(before) && isOfStored(objects, { before, after })) {
        all.set(keyOf(after.kind, after.metadata.name), after)
        areMore = true
      }
    return areMore ? wronglyAdmitted(all, release, write) : undefined
  }

  admit(write: Asked): void {
    if (write.dryRun || !isOfStored(this.#cluster.objects, write)) return
    this.#admitted.push(write)
  }

  #commit(write: Asked): void {
    const { objects } = this.#cluster
    this.#admitted = this.#admitted.filter((each) => each !== write)
    const { before, after } = write
    const stored = objects.get(keyOf((before ?? after)?.kind ?? '', (before ?? after)?.metadata.name ?? ''))
    // The object has changed since, so the write would be a conflict.
    if (!isOfStored(objects, write)) return
    if (!after) {
      if (stored) this.#cluster.remove(stored)
      return
    }
    this.#versions += 1
    const metadata = {
      ...after.metadata,
      uid: stored?.metadata.uid ?? `uid-${this.#versions}`,
      resourceVersion: String(this.#versions),
    }
    this.#cluster.put({ ...after, metadata })
  }

  /** A clean-up ends: its copy goes from status. */
  #drain(random: Random): void {
    const images = [...this.#cluster.objects.values()].filter(({ kind }) => kind === 'BackingImage')
    if (images.length === 0) return
    const image = copyOf(random.oneOf(images))
    // A map may be null, since Go writes an empty one so.
    const wanted = ((image.spec ?? {}) as { diskFileSpecMap?: object | null }).diskFileSpecMap ?? {}
    const real = ((image.status ?? {}) as { diskFileStatusMap?: object | null }).diskFileStatusMap ?? {}
    for (const disk of Object.keys(real)) if (!Object.hasOwn(wanted, disk)) Reflect.deleteProperty(real, disk)
    this.#versions += 1
    image.metadata.resourceVersion = String(this.#versions)
    this.#cluster.put(image)
  }
}
