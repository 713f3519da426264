import { Type } from 'typebox'
import { absent, absentMap, parser } from '../../json/schema.ts'

/** The API server's checks of a Lease: the type of each field, and a positive duration. */
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

/** The checks of an Event: its object, and the fields that `kubectl describe` shows. */
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

/** The API server's check of a Secret: its data must be base64. */
const SecretSchema = Type.Object({
  type: absent(Type.String()),
  data: absentMap(Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' })),
})

/** Validates an untrusted core Secret. */
export const parseSecret = parser(SecretSchema, (raw) => raw)

/** Validates an untrusted `leases.coordination.k8s.io` object. */
export const parseLease = parser(LeaseSchema, (raw) => raw)

/** Validates an untrusted core Event. */
export const parseEvent = parser(EventSchema, (raw) => raw)
