#!/usr/bin/env node
// Stands in for `holdfast` where a shell starts it often. It has all that a process has and costs little: the
// command line itself runs in the test (command-line-server.ts), whose port is in COMMAND_LINE_PORT.
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

const { COMMAND_LINE_PORT, ...env } = process.env
const socket = connect(Number(COMMAND_LINE_PORT), '127.0.0.1')
const say = (message) => void socket.write(`${JSON.stringify(message)}\n`)
say({ args: process.argv.slice(2), env })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => say({ signal }))
process.stdin.setEncoding('utf8')
process.stdin.on('data', (chunk) => say({ stdin: chunk }))
process.stdin.on('end', () => say({ stdin: null }))
for await (const line of createInterface({ input: socket })) {
  const message = JSON.parse(line)
  if ('stdout' in message) process.stdout.write(message.stdout)
  else if ('stderr' in message) process.stderr.write(message.stderr)
  else process.exit(message.exit)
}
