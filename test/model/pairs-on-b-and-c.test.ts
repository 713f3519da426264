import t from 'tap'
import { exhaustively } from './checked.ts'
import { pairs } from './scenarios.ts'

exhaustively(t, [...pairs('B'), ...pairs('C')], 8)
