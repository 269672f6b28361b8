import { satisfies, valid } from '@renovatebot/pep440'
import { isPep440 } from '../versions/compare-pep440.ts'
import { parseRequirement } from './requirement.ts'

/**
 * Whether a version meets the specifiers of a requirement (PEP 440): all of them, pre-releases admitted, since an
 * installer takes one where nothing else fits. A requirement by address has none. What is no version by PEP 440 (`2004d`) meets `==` and `===` of itself,
 * `!=` of another, and as older pips rank it below all others, `<` and `<=`.
 *
 * @param requirement as a recipe has it
 * @example
 * ```ts
 * meetsRequirement('1.19.5', 'numpy>=1.19, <2') // true
 * ```
 */
export function meetsRequirement(version: string, requirement: string): boolean {
  const specifiers = parseRequirement(requirement)?.specifiers
  if (specifiers === undefined) return false
  if (specifiers === '') return true
  return specifiers.split(',').every((text) => {
    const [, operator = '', operand = ''] = /^\s*(===|==|~=|!=|<=|>=|<|>)\s*(\S+)\s*$/.exec(text) ?? []
    if (operator === '') return false
    const isSame = version.toLowerCase() === operand.toLowerCase()
    if (operator === '===') return isSame || valid(version)?.toLowerCase() === operand.toLowerCase()
    if (isPep440(version) && isPep440(operand.replace(/\.\*$/, '')))
      return satisfies(version, `${operator}${operand}`, { prereleases: true })
    if (operator === '==') return isSame
    if (operator === '!=') return !isSame
    return operator.startsWith('<') && !isPep440(version)
  })
}
