import { anyRequests } from './checked.ts'

anyRequests('B')
