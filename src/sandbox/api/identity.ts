import { randomInt, randomUUID } from 'node:crypto'

/** Where names and uids come from: a test gives its own, so that it can tell them beforehand. */
export interface Identity {
  /** A uid for an object or a review. */
  uid(): string
  /** What is put behind a `generateName`. */
  suffix(): string
}

/** No vowels and no digits that look like letters, so that no suffix spells a word: the API server's own choice. */
const letters = 'bcdfghjklmnpqrstvwxz2456789'

/** Random ones, as a real API server makes them. */
export const randomIdentity: Identity = {
  uid: randomUUID,
  suffix: () => Array.from({ length: 5 }, () => letters.charAt(randomInt(letters.length))).join(''),
}
