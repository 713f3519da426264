import { spawnSync } from 'node:child_process'

/** What one image is built from, and how. */
export interface ImageBuild {
  /** The folder with the Dockerfile. */
  readonly context: string
  /** The name of the list of images, one for each platform. */
  readonly name: string
  readonly platforms: readonly string[]
  /** The platform of this machine. */
  readonly builder: string
  /** The commit that it is built from. */
  readonly revision: string
  /** Seconds since the epoch (SOURCE_DATE_EPOCH): the time of every file and of the image, so that two builds are alike. */
  readonly made: number
  /** Other bases than those of the Dockerfile, by the names of its arguments. */
  readonly bases?: Readonly<Record<string, string>>
  /** Whether a base may come from a registry. */
  readonly pull: boolean
}

/** The arguments with which buildah builds the image. */
export function buildArguments(build: ImageBuild): string[] {
  // buildah before 1.30 knows this platform in no FROM unless it is named.
  const args = { BUILDPLATFORM: build.builder, ...build.bases }
  const labels = {
    'org.opencontainers.image.created': new Date(build.made * 1_000).toISOString(),
    'org.opencontainers.image.revision': build.revision,
  }
  return [
    ...['build', '--format', 'oci', '--no-cache', build.pull ? '--pull=always' : '--pull=never'],
    ...['--timestamp', String(build.made), '--identity-label=false'],
    ...['--platform', build.platforms.join(','), '--manifest', build.name],
    ...flags('--build-arg', args),
    ...flags('--label', labels),
    build.context,
  ]
}

/** Builds the image for all platforms. @throws what buildah says */
export function buildImage(build: ImageBuild, env: NodeJS.ProcessEnv = process.env): void {
  buildah(buildArguments(build), env)
}

/** Runs buildah. @returns what it prints @throws what it says when it fails */
export function buildah(args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const { status, stdout, stderr, error } = spawnSync('buildah', args, {
    env,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  if (error !== undefined) throw new Error('buildah does not start', { cause: error })
  if (status !== 0)
    throw new Error(
      `buildah ${args.join(' ')} ended with ${status ?? 'a signal'}:\n${tail(stdout)}\n${tail(stderr)}`,
    )
  return stdout
}

function flags(flag: string, values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`])
}

function tail(text: string): string {
  return text.split('\n').slice(-20).join('\n')
}
