import { Type } from 'typebox'
import { optional, optionalMap, parser } from '../../json/schema.ts'

/** The API server's checks of a Lease: the type of each field, and a positive duration. */
const LeaseSchema = Type.Object({
  spec: optional(
    Type.Object({
      holderIdentity: optional(Type.String()),
      leaseDurationSeconds: optional(Type.Integer({ minimum: 1 })),
      leaseTransitions: optional(Type.Integer({ minimum: 0 })),
      acquireTime: optional(Type.String()),
      renewTime: optional(Type.String()),
    }),
  ),
})

/** The checks of an Event: its object, and the fields that `kubectl describe` shows. */
const EventSchema = Type.Object({
  involvedObject: Type.Object({
    kind: optional(Type.String()),
    namespace: optional(Type.String()),
    name: optional(Type.String()),
    uid: optional(Type.String()),
  }),
  type: optional(Type.String()),
  reason: optional(Type.String()),
  message: optional(Type.String()),
  count: optional(Type.Integer()),
})

/** The API server's check of a Secret: its data must be base64. */
const SecretSchema = Type.Object({
  type: optional(Type.String()),
  data: optionalMap(Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' })),
})

/** Validates an untrusted core Secret. */
export const parseSecret = parser(SecretSchema, (raw) => raw)

/** Validates an untrusted `leases.coordination.k8s.io` object. */
export const parseLease = parser(LeaseSchema, (raw) => raw)

/** Validates an untrusted core Event. */
export const parseEvent = parser(EventSchema, (raw) => raw)
