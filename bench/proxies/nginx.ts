import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Listening } from '../contest/contender.ts'
import { withinStart } from '../contest/processes.ts'

/** Starts nginx (Debian: `apt-get install nginx-light`) with one process, so with one core. @throws if it is not here */
export async function startNginx(upstreamPort: number, folder: string): Promise<Listening> {
  const port = await freePort()
  await writeFile(join(folder, 'nginx.conf'), configuration(port, upstreamPort))
  const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr']
  const child = spawn('nginx', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  // Its first notice comes once it listens.
  await withinStart(child, (signal) => once(child.stderr, 'data', { signal }))
  child.stderr.resume()
  return { pid: child.pid ?? 0, port, stop: () => child.kill() }
}

/** nginx takes no port 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function configuration(port: number, upstreamPort: number): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${name};`,
  )
  return `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
  access_log off;
  ${folders.join(' ')}
  upstream api {
    server 127.0.0.1:${upstreamPort};
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`
}
