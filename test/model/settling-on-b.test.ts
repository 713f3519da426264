import { settles } from './checked.ts'

settles('B')
