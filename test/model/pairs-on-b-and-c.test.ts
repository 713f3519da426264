import t from 'tap'
import { exhaustively } from './checked.ts'
import { pairs } from './scenarios.ts'
import { depth } from '../fixtures/thorough.ts'

exhaustively(t, [...pairs('B'), ...pairs('C')], depth(3, 8))
