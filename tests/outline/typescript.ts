import type { A } from './a'

export interface Options<T = unknown> {
  name: string
  onChange?: (value: T) => void
  load(key: string): Promise<T>
}

export type Mode = 'read' | { kind: 'write'; run(): void }
type Fn = (a: number) => { b: string }

export enum Level { Low = 1, High }
declare module 'external' {
  function helper(x: number): string
}
namespace Inner.Deep {
  export const value = 1
}

export abstract class Repo<T extends { id: string }> implements Options<T> {
  private readonly items: Map<string, T> = new Map()
  constructor(private name: string, public opts: { a: number } = { a: 1 }) {}

  @Memo({ ttl: 1 })
  async find<K extends keyof T>(key: K): Promise<T[K] | undefined> {
    const local = <T,>(x: T) => x
    return undefined
  }

  abstract save(item: T): void
  protected static of(this: void): Repo<any> { return null! }
  private handler = async (e: Event): Promise<void> => { }
}

export function overload(a: string): string
export function overload(a: any): any {
  return a as unknown as { x: 1 }
}

export const useThing = <T>(value: T): { value: T } => ({ value })
const config: Record<string, number> = { a: 1 }
export default Repo

class Queries {
  get<Type extends Key<any, any> = (string | number)>(key: Type): void { }
  find<
    T = unknown,
  >(key: T): T | undefined {
    return undefined
  }
}
const runtime = {
  runSync<A, E>(effect: Effect<A, E>): A {
    return run(effect)
  },
  injected: build[type as 'mutation']<unknown>({}),
}
interface Errors {
  new (message: string): Error
}
