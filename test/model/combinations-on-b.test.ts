import { combined } from './combined.ts'

combined('B')
