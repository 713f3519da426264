import { InvalidArgumentError } from 'commander'

/** Reads the address of a server. A name and a password in it would be sent to nobody. @throws InvalidArgumentError */
export function url(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError('It must be a URL such as http://longhorn-backend:9500.')
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    throw new InvalidArgumentError('It must be without a name and a password.')
  return url
}
