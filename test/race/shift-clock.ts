/** Makes the time of day of this process wrong by so many milliseconds; monotonic clocks start from there too. */
export function shiftClock(offMs: number): void {
  if (offMs === 0) return
  const [now, timeOrigin] = [Date.now, performance.timeOrigin]
  Date.now = () => now() + offMs
  Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin + offMs })
}
