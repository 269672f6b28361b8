import { access, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { TEST_PROGRAMS } from './test-programs.ts'

/** Apptainer and SLURM of Debian's unstable, in a root file system of its own, for somebody who is not root. */
export interface Apptainer {
  /**
   * Runs a shell command line there, as that user, in a directory of this machine that is theirs; gives what it prints.
   *
   * @param slurm whether SLURM is to run meanwhile, on this one node
   */
  run(directory: string, command: string, options?: { slurm?: boolean }): Promise<string>
}

const USER = 1000
const PACKAGES = ['apptainer', 'squashfuse', 'slurmctld', 'slurmd', 'slurm-client', 'munge', 'iproute2']
/** Raised when what is installed below changes. */
const SET = 3

/** One node of more processors than it may have: jobs ask for some. */
const SLURM = `ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=/run/slurmctld
SlurmdSpoolDir=/run/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
MailProg=/bin/true
SlurmdParameters=config_overrides
NodeName=localhost CPUs=8 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
`

/** @returns why there is none, where this machine can't have it */
export async function apptainer(): Promise<Apptainer | string> {
  const problem = await lacks()
  if (problem !== undefined) return problem
  const root = join(TEST_PROGRAMS, `apptainer-${SET}`)
  if (!(await stat(root).catch(() => undefined))) await install(root)
  return {
    run: async (directory, command, { slurm = false } = {}) => {
      await execa('chown', ['--recursive', `${USER}:${USER}`, directory])
      // what runs in the background ends with the command, and has its ports for itself
      const own = ['--mount', '--propagation', 'private', '--uts', '--net', '--pid']
      const spaces = [...own, '--fork', '--kill-child']
      const words = ['sh', '-c', ENTER, 'sh', root, directory, slurm ? START_SLURM : ':', command]
      return (await execa('unshare', [...spaces, ...words], { stdin: 'ignore' })).stdout
    },
  }
}

/**
 * A chroot may make no user namespaces, so this becomes the root of a mount namespace. The node of fuse is one that its user may
 * open, as on machines for users.
 */
const ENTER = `
set -eu
cd "$1"
mount --bind . .
cd "$1"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount --bind fuse dev/fuse
mount --bind "$2" srv
pivot_root . old
cd /
umount -l /old
mount -t tmpfs tmpfs /run
hostname localhost
ip link set lo up
eval "$3"
cd /srv
exec setpriv --reuid ${USER} --regid ${USER} --clear-groups env -i HOME=/home/tester PATH=/usr/bin:/bin sh -c "$4"
`

/**
 * On a network, if one of nobody else: a machine that has only 127.0.0.1 finds no names (getaddrinfo(3), AI_ADDRCONFIG), and
 * Open MPI's processes nothing to speak over.
 */
const START_SLURM = `
ip link add node type veth peer name network
ip address add 192.0.2.1/24 dev node
ip link set node up
ip link set network up
mkdir /run/slurmctld /run/slurmd
install -d -o munge -g munge /run/munge
setpriv --reuid munge --regid munge --clear-groups munged
slurmctld
slurmd -N localhost
`

async function lacks(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'it takes root to make a root file system'
  const debootstrap = await execa('debootstrap', ['--version'], { reject: false })
  if (debootstrap.exitCode !== 0) return 'there is no debootstrap'
  const isThere = await access('/dev/fuse').then(
    () => true,
    () => false,
  )
  if (!isThere) return 'the kernel has no fuse'
  const namespaces = [
    '--reuid',
    `${USER}`,
    '--regid',
    `${USER}`,
    '--clear-groups',
    'unshare',
    '--user',
    'true',
  ]
  const { exitCode } = await execa('setpriv', namespaces, { reject: false })
  return exitCode === 0 ? undefined : 'users can make no user namespaces'
}

async function install(root: string): Promise<void> {
  await mkdir(dirname(root), { recursive: true })
  const scratch = await mkdtemp(`${root}-`)
  try {
    // packages make files as users of their own
    await execa('chmod', ['755', scratch])
    await execa('debootstrap', ['--variant=minbase', `--include=${PACKAGES.join(',')}`, 'sid', scratch])
    await execa('chroot', [scratch, 'useradd', '--create-home', '--uid', `${USER}`, 'tester'])
    await execa('mknod', ['-m', '666', join(scratch, 'fuse'), 'c', '10', '229'])
    await mkdir(join(scratch, 'old'))
    // it mounts these of its host
    await writeFile(join(scratch, 'etc/hosts'), '127.0.0.1 localhost\n')
    for (const name of ['localtime', 'resolv.conf']) await execa('touch', [join(scratch, 'etc', name)])
    await writeFile(join(scratch, 'etc/slurm/slurm.conf'), SLURM)
    await writeFile(join(scratch, 'etc/slurm/cgroup.conf'), 'CgroupPlugin=disabled\n')
    await rename(scratch, root)
  } catch (error) {
    await rm(scratch, { recursive: true, force: true })
    throw error
  }
}
