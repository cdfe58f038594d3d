/** What a name of a stack, a resource or a template may be. */

const namePattern = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/
export const nameHint =
  'Use letters, digits, dots, dashes and underscores; begin and end with a letter, a digit or an underscore.'
export const mostName = 253

/** Whether a name can be one: no path, no white space, nothing that a terminal or a system below would act on. */
export function isName(name: string): boolean {
  return name.length <= mostName && namePattern.test(name)
}
