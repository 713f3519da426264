// Run by `npm run bench`: what a review costs beside what a bare server does. `-- quick` takes half a minute.
import { measureReviews } from './review.ts'

const quick = process.argv.includes('quick')
const results = await measureReviews(quick ? 8 : 60)
for (const { question, name, aSecond, cpuUs, p50Ms, p99Ms, rateShare, cpuShare } of results) {
  console.log(
    [
      question.padEnd(7),
      name.padEnd(9),
      `${aSecond.toFixed(0).padStart(6)}/s`,
      `${cpuUs.toFixed(0).padStart(5)} µs CPU`,
      `p50 ${p50Ms.toFixed(1)} ms`,
      `p99 ${p99Ms.toFixed(1)} ms`,
      `rate ${rateShare.toFixed(2)}`,
      `CPU ${cpuShare.toFixed(2)}`,
    ].join('  '),
  )
}
process.exit(0)
