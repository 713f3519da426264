/** Where the door tells what nobody else can know. Has the shape of pino. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>> & { readonly err: Error }, message: string): void
}
