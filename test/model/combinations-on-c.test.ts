import { anyRequests } from './checked.ts'

anyRequests('C')
