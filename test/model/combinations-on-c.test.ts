import { combined } from './combined.ts'

combined('C')
