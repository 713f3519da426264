import { anyRequests } from './checked.ts'

anyRequests('A')
