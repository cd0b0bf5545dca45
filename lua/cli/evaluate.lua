--- runsmith __evaluate: the evaluator process; who starts it reads descriptors 3 and 4.
local evaluate = require 'runsmith.evaluate'
local options = require 'cli.options'

return {
  name = '__evaluate',
  summary = 'evaluate a tree script: the plan to descriptor 3, mistakes to descriptor 4',
  args = { { 'FILE', 'the tree script' } },
  options = {
    { 'cpu', 'SECONDS', 'processor time', evaluate.CPU, options.seconds },
    { 'memory', 'BYTES', 'address space', evaluate.MEMORY, options.size },
  },
  run = function(given)
    return evaluate.process(given.FILE, { cpu = given.cpu, memory = given.memory })
  end,
}
