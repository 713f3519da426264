import type { Followed } from './followed.ts'

/** Advice in errors of certificates. */
export const certificateErrors: Followed = {
  'tls/client-authorities': {
    '… is signed by …': { why: 'it names an authority of somebody else’s' },
  },
  'tls/issue': {
    'The certificate authority cannot be used': { why: 'it names files that somebody has changed' },
  },
  'tls/folder': {
    '… … already and may be in use':
      'serve without a certificate names the command that makes one, and then starts',
  },
}
