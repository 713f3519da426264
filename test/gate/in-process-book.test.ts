import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { bookContract } from './reservation-book-contract.ts'

bookContract(t, () => {
  const book = new InProcessBook()
  return Promise.resolve([book, book])
})
