/** A command, as the help of `holdfast` lists it. */
interface ListedCommand {
  readonly name: string
  /** Its usage after the name: `[options] [node...]`. */
  readonly usage: string
  readonly summary: string
}

/**
 * All commands, in the order of the help. The help, a typo and a missing command need no more than this, and
 * loading the commands themselves takes half a second. A test compares the two.
 */
export const commandList: readonly ListedCommand[] = [
  {
    name: 'serve',
    usage: '[options]',
    summary: 'Runs the admission webhook of a cluster, over TLS. SIGTERM ends it without losing a review.',
  },
  {
    name: 'status',
    usage: '[options] [node...]',
    summary:
      'Shows who waits, and Longhorn’s nodes with flags, scheduling, numbers of copies, pending clean-ups and reservations.',
  },
  {
    name: 'ui',
    usage: '[options]',
    summary: 'Serves a live page on this machine: waiting requests, nodes, disks, copies and decisions.',
  },
  {
    name: 'doctor',
    usage: '[options]',
    summary: 'Checks Longhorn and the guard’s installation, and says how to fix each problem.',
  },
  {
    name: 'audit',
    usage: '[options] [source]',
    summary: 'Shows what the guard denied, held, warned about, and allowed by an override.',
  },
  {
    name: 'check',
    usage: '[options] [file...]',
    summary: 'Checks whether changes would be allowed now, with the guard’s own rules.',
  },
  {
    name: 'snapshot',
    usage: '[options]',
    summary:
      'Writes the facts of a cluster that decisions need, without secrets, to standard output: for holdfast check, and for bug reports.',
  },
  {
    name: 'plan',
    usage: '[options] <node...>',
    summary: 'Finds batches in which nodes can be evicted with every backing image keeping its copies.',
  },
  {
    name: 'evict',
    usage: '[options] [node...]',
    summary: 'Empties Longhorn nodes, or a disk of one, without a crash and without losing a copy.',
  },
  {
    name: 'reopen',
    usage: '[options] <node...>',
    summary: 'Puts Longhorn nodes, or a disk of one, back in service after an eviction.',
  },
  {
    name: 'rescue',
    usage: '[options] [node...]',
    summary: 'Ends the crashes of longhorn-managers where an eviction has met a clean-up.',
  },
  {
    name: 'proxy',
    usage: '',
    summary: 'Runs a proxy in front of an API and checks writes that could crash Longhorn or lose data.',
  },
  {
    name: 'sandbox',
    usage: '[options]',
    summary: 'Starts an embedded cluster with the guard, shows what the guard does, and keeps serving.',
  },
  {
    name: 'compare-crds',
    usage: '[options] [path...]',
    summary: 'Compares the definitions of a Longhorn release with the fields that Holdfast reads.',
  },
  {
    name: 'schema',
    usage: '<document>',
    summary: 'Prints the JSON Schema of the configuration file, or of a document that Holdfast prints.',
  },
  {
    name: 'version',
    usage: '[options]',
    summary: 'Shows the versions of this client, of the guard’s replicas, and of Longhorn.',
  },
  {
    name: 'certs',
    usage: '[options]',
    summary:
      'Makes a certificate authority and a serving certificate for local use, or a client certificate for API servers.',
  },
  {
    name: 'completion',
    usage: '<shell>',
    summary:
      'Writes a script that makes a shell complete commands, flags, files, and names of nodes, images, contexts and namespaces.',
  },
]
