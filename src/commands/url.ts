import { InvalidArgumentError } from 'commander'

/** Reads the address of a server. @throws InvalidArgumentError */
export function url(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError('It must be a URL such as http://longhorn-backend:9500.')
  }
  return new URL(text)
}
