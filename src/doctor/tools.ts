/** Programs and libraries that infra uses beside itself: which are there, what they are for and how to get them. */
import { constants } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

export interface Tool {
  readonly name: string
  /** What infra needs it for. */
  readonly purpose: string
  /** Whether nothing works without it. */
  readonly required: boolean
  /** How to get it. */
  readonly get: string
  /** Files of a library, any of which will do; a program is looked for on the PATH by its name. */
  readonly library?: string
}

export interface FoundTool extends Tool {
  /** The file, where it is there. */
  readonly file: string | undefined
}

export const tools: readonly Tool[] = [
  {
    name: 'flock',
    purpose: 'the lock of a state',
    required: true,
    get: 'apt install util-linux',
  },
  {
    name: 'ssh',
    purpose: 'libvirt on other machines (qemu+ssh)',
    required: false,
    get: 'apt install openssh-client',
  },
  {
    name: 'qemu-img',
    purpose: 'converting images while they are imported',
    required: false,
    get: 'apt install qemu-utils',
  },
  {
    name: 'librados',
    library: 'librados.so.2',
    purpose: 'Ceph, the fast way',
    required: false,
    get: 'apt install librados2 librbd1',
  },
  {
    name: 'librbd',
    library: 'librbd.so.1',
    purpose: 'images of Ceph, the fast way',
    required: false,
    get: 'apt install librados2 librbd1',
  },
  {
    name: 'ceph',
    purpose: 'Ceph where its libraries are missing',
    required: false,
    get: 'apt install ceph-common',
  },
  {
    name: 'rbd',
    purpose: 'images of Ceph where its libraries are missing',
    required: false,
    get: 'apt install ceph-common',
  },
  {
    name: 'helm',
    purpose: 'virtual clusters',
    required: false,
    get: 'https://helm.sh/docs/intro/install/ (3.13 or newer)',
  },
]

/** Looks for all of them. `path` is the PATH to search. */
export async function findTools(path: string): Promise<readonly FoundTool[]> {
  const folders = path.split(delimiter).filter(isAbsolute)
  return Promise.all(
    tools.map(async tool => ({
      ...tool,
      file: tool.library ? await findLibrary(tool.library) : await findProgram(tool.name, folders),
    })),
  )
}

async function findProgram(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const file = join(folder, name)
    if (await may(file, constants.X_OK)) return file
  }
  return undefined
}

/** Where the loader of Linux looks, the folders of each architecture included. */
async function findLibrary(name: string): Promise<string | undefined> {
  const roots = ['/usr/lib', '/lib', '/usr/lib64', '/lib64', '/usr/local/lib']
  for (const root of roots) {
    // no system has all of them, and what may not be looked into is no library to load
    const below = await readdir(root, { withFileTypes: true }).catch(() => [])
    const folders = below.filter(entry => entry.isDirectory() && entry.name.includes('-linux-'))
    for (const folder of [root, ...folders.map(entry => join(root, entry.name))]) {
      const file = join(folder, name)
      if (await may(file, constants.R_OK)) return file
    }
  }
  return undefined
}

async function may(file: string, mode: number): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  )
}
