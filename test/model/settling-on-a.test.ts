import { settles } from './checked.ts'

settles('A')
