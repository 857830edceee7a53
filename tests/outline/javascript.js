'use strict'
/* function fake() {} */
import { x } from './x.js'

const LIMIT = 10, SECOND = 20
let counter = 0
export const add = (a, b) => a + b
export const fetchAll = async ({ url, opts = {} }) => {
  const inner = 1
  const helper = (x) => { return x }
  if (/[/{]"/.test(url)) { return `${url}/${opts.map(o => `${o}`)} function no() {` }
  return url / 2 / counter
}
var legacy = function () { return /}/g }

export default async function main(argv) {
  function nested() {}
  for (const a of argv) { nested(a) }
  return new Promise((resolve) => { resolve() })
}

function* generate() { yield 1 }

class Store extends Base {
  #items = new Map()
  static create() { return new Store() }
  constructor(name) { super(name); this.name = name }
  get size() { return this.#items.size }
  async *[Symbol.iterator]() {}
  #load(key) { return "}" }
  handle = (event) => {
    if (event) { this.run() }
  }
}

Store.prototype.reset = function () {}
exports.parse = function (text) { return text }
module.exports = {
  format(value) { return value },
  save: async function (x) { return x },
  load: (y) => y,
  nested: { deep() {} },
  value: 3,
}

describe('store', () => {
  it('works', function () { const t = 1 })
})

const { first } = require("./first"),
  Second = require("./second");
const escaped = (text) => `"${text.replace(/[\n"`\\]/g, (m) => `\\${m}`)}"`;
function afterEscaped() {}
