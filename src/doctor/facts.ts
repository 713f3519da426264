import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Page } from '../gate/reservation-book.ts'
import type { Kind } from '../longhorn/kinds.ts'
import type { Definition } from './crds.ts'
import type { LeaseTime, MeasuredClock } from './clock.ts'
import type { Registration } from './registration.ts'
import type { Deployment, Pod } from './replicas.ts'
import type { ReplicaPolicy } from './policies.ts'
import type { Right } from './rights.ts'
import type { RemovalTrial } from './trial.ts'

/** What was seen, or why it could not be. What is not there was seen too: it is undefined. */
export type Looked<T> = { readonly seen: T } | { readonly problem: string }

/** What the cluster's objects are called, and what is to become of Longhorn. */
export interface Names {
  /** Where the guard runs. */
  readonly namespace: string
  readonly longhornNamespace: string
  readonly webhookConfiguration: string
  /** The Secret with the serving certificate. */
  readonly certificateSecret: string
  readonly serviceAccount: string
  /** False where the guard only reads the certificate that cert-manager or somebody else makes. */
  readonly makesCertificate: boolean
  /** The release that Longhorn is to move to; undefined while that is not known, and the worst is assumed. */
  readonly target: string | undefined
}

/** Who makes the certificate that the guard serves, and so can make another. */
export type CertificateMaker =
  | { readonly who: 'the guard' }
  /** `certificate` is the name of its Certificate. */
  | { readonly who: 'cert-manager'; readonly certificate: string }
  | { readonly who: 'somebody else' }

/** A serving certificate in a Secret. */
export interface SeenCertificate {
  readonly pem: string
  readonly madeBy: CertificateMaker
}

/** All that the checks look at. */
export interface Facts {
  readonly names: Names
  /** By the clock of the machine that looks, in milliseconds since the epoch. */
  readonly now: number
  readonly map: Looked<DiskMapView>
  readonly definitions: readonly { readonly kind: Kind; readonly looked: Looked<Definition | undefined> }[]
  readonly registration: Looked<Registration | undefined>
  /** Undefined if there is no such Secret or nothing in it yet. */
  readonly certificate: Looked<SeenCertificate | undefined>
  readonly rights: readonly { readonly right: Right; readonly allowed: Looked<boolean> }[]
  readonly deployments: Looked<readonly Deployment[]>
  readonly pods: Looked<readonly Pod[]>
  /** Of every replica that runs. */
  readonly policies: Looked<readonly ReplicaPolicy[]>
  readonly trial: Looked<RemovalTrial>
  readonly book: Looked<{ readonly pages: readonly Page[]; readonly unreadable: readonly string[] }>
  /** The namespace that the doors of the cluster have agreed on for their Leases; undefined while none has started. */
  readonly anchor: Looked<string | undefined>
  /** The namespaces that have Leases of a guard, the guard's own among them. */
  readonly books: Looked<readonly string[]>
  readonly leases: Looked<readonly LeaseTime[]>
  readonly clock: Looked<MeasuredClock>
}
