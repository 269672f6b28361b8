/**
 * A wheel that has what pip reads to resolve and to list it, and no file of the project: the METADATA that is given, and besides
 * what the binary distribution format asks for (PyPA, "Binary distribution format"; PEP 427).
 *
 * @param file the wheel's file name, which says the project, its version and its tags
 */
export async function stubWheel(file: string, metadata: Uint8Array): Promise<Uint8Array> {
  const { zipSync } = await import('fflate')
  const [project, version, ...tags] = file.replace(/\.whl$/, '').split('-')
  const directory = `${project}-${version}.dist-info`
  const wheel = [
    'Wheel-Version: 1.0',
    'Generator: stillroom',
    'Root-Is-Purelib: true',
    `Tag: ${tags.slice(-3).join('-')}`,
  ]
  const record = ['METADATA', 'WHEEL', 'RECORD'].map((name) => `${directory}/${name},,\n`)
  const text = (content: string) => Buffer.from(content)
  return zipSync({
    [`${directory}/METADATA`]: metadata,
    [`${directory}/WHEEL`]: text(`${wheel.join('\n')}\n`),
    [`${directory}/RECORD`]: text(record.join('')),
  })
}
