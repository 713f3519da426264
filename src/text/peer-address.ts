/** The address of a peer as people know it: who comes by IPv4 to a socket of both families is called `::ffff:10.0.0.1`. */
export function peerAddress(remoteAddress: string | undefined): string | undefined {
  return remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, '')
}
