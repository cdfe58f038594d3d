// Stacks of any size, for infra and the same for Terraform: groups of ten, one root and nine that refer to it; or one document
// (block) over a list of as many.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Which resources a change of 1 % touches: one of a hundred, never a root, so that nothing else follows from it. */
const isTouched = index => index % 100 === 5

export const forms = {
  flat: {
    infra: (count, changed) =>
      documents(
        range(count).map(index => {
          const root = index - (index % 10)
          const label = index === root ? `"${index}"` : `"\${Volume.v${root}.volume}-${index}"`
          return `apiVersion: infra/v1
kind: Volume
metadata:
  name: v${index}
spec:
  volume: ${label}
  size: ${changed && isTouched(index) ? 2 : 1}GiB
`
        }),
      ),
    terraform: (count, changed) =>
      range(count)
        .map(index => {
          const root = index - (index % 10)
          const input = changed && isTouched(index) ? `"changed ${index}"` : `"${index}"`
          const value = index === root ? input : `"\${terraform_data.v${root}.id} ${input.slice(1)}`
          return `resource "terraform_data" "v${index}" {\n  input = ${value}\n}\n`
        })
        .join('\n'),
  },
  'for-each': {
    infra: (count, changed) =>
      documents([
        `apiVersion: infra/v1
kind: Volume
metadata:
  name: v
  forEach:
${range(count)
  .map(index => `    k${index}: ${changed && isTouched(index) ? 2 : 1}GiB\n`)
  .join('')}spec:
  size: \${each.value}
`,
      ]),
    terraform: (count, changed) =>
      `resource "terraform_data" "v" {\n  for_each = {\n${range(count)
        .map(index => `    k${index} = "${changed && isTouched(index) ? 2 : 1}"\n`)
        .join('')}  }\n  input = each.value\n}\n`,
  },
}

export function writeStack(folder, form, count, changed) {
  writeFileSync(join(folder, 'stack.yaml'), forms[form].infra(count, changed))
}

export function writeTerraform(folder, form, count, changed) {
  writeFileSync(join(folder, 'main.tf'), forms[form].terraform(count, changed))
}

/** A state as `terraform apply` leaves it, for sizes where making it would take too long. */
export function writeTerraformState(folder, form, count) {
  const instance = (index, input, key) => ({
    ...(key !== undefined && { index_key: key }),
    schema_version: 0,
    attributes: {
      id: idOf(index),
      input: { value: input, type: 'string' },
      output: { value: input, type: 'string' },
      triggers_replace: null,
    },
    sensitive_attributes: [],
    ...(form === 'flat' && index % 10 !== 0 && { dependencies: [`terraform_data.v${index - (index % 10)}`] }),
  })
  const provider = 'provider["terraform.io/builtin/terraform"]'
  const block = (name, instances, each) => ({
    mode: 'managed',
    type: 'terraform_data',
    name,
    provider,
    ...(each && { each }),
    instances,
  })
  const resources =
    form === 'flat'
      ? range(count).map(index => {
          const root = index - (index % 10)
          const input = index === root ? `${index}` : `${idOf(root)} ${index}`
          return block(`v${index}`, [instance(index, input)])
        })
      : [
          block(
            'v',
            range(count).map(index => instance(index, '1', `k${index}`)),
            undefined,
          ),
        ]
  const state = {
    version: 4,
    terraform_version: '1.5.0',
    serial: 1,
    lineage: idOf(0),
    outputs: {},
    resources,
    check_results: null,
  }
  writeFileSync(join(folder, 'terraform.tfstate'), JSON.stringify(state))
}

function documents(texts) {
  return `apiVersion: infra/v1
kind: Stack
metadata:
  name: bench
---
${texts.join('---\n')}`
}

function range(count) {
  return Array.from({ length: count }, (_, index) => index)
}

function idOf(index) {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
}
