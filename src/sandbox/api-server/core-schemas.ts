import { Type } from 'typebox'
import { absent, absentMap, parser } from '../../json/schema.ts'

/** What an API server checks of a Lease: the sort of each field, and that a lease lasts at all. */
const LeaseSchema = Type.Object({
  spec: absent(
    Type.Object({
      holderIdentity: absent(Type.String()),
      leaseDurationSeconds: absent(Type.Integer({ minimum: 1 })),
      leaseTransitions: absent(Type.Integer({ minimum: 0 })),
      acquireTime: absent(Type.String()),
      renewTime: absent(Type.String()),
    }),
  ),
})

/** What this server checks of an Event: what it is about, and what `kubectl describe` shows. */
const EventSchema = Type.Object({
  involvedObject: Type.Object({
    kind: absent(Type.String()),
    namespace: absent(Type.String()),
    name: absent(Type.String()),
    uid: absent(Type.String()),
  }),
  type: absent(Type.String()),
  reason: absent(Type.String()),
  message: absent(Type.String()),
  count: absent(Type.Integer()),
})

/** What an API server checks of a Secret: that its data are base64. */
const SecretSchema = Type.Object({
  type: absent(Type.String()),
  data: absentMap(Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' })),
})

/** Judges an untrusted core Secret. */
export const parseSecret = parser(SecretSchema, (raw) => raw)

/** Judges an untrusted `leases.coordination.k8s.io` object. */
export const parseLease = parser(LeaseSchema, (raw) => raw)

/** Judges an untrusted core Event. */
export const parseEvent = parser(EventSchema, (raw) => raw)
