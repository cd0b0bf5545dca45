--- runsmith __evaluate: the evaluator process; who starts it reads descriptors 3 and 4.
--- Its limits are set before any Lua runs.
local evaluate = require 'runsmith.tree.evaluate'
local options = require 'cli.options'

local COMMAND = {
  name = '__evaluate',
  summary = 'evaluate a tree script: the plan to descriptor 3, mistakes to 4',
  args = { { 'FILE', 'the tree script' } },
  options = {
    { 'cpu', 'SECONDS', 'processor time', evaluate.CPU, options.seconds },
    { 'reads', nil, 'tell which files are read' },
    { 'memory', 'BYTES', 'address space', evaluate.MEMORY, options.size },
  },
}

--- @param argv string[]
--- @return integer status
return function(argv)
  local given, why = options.read(COMMAND, argv)
  if not given then
    io.stderr:write(('runsmith %s: %s\n'):format(COMMAND.name, why))
    return 2
  end
  return evaluate.process(given.FILE, given.memory, given.reads)
end
