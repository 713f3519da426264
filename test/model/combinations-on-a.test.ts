import { combined } from './combined.ts'

combined('A')
