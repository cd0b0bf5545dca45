--- runsmith run: the host itself, which is C.
local evaluate = require 'runsmith.tree.evaluate'
local options = require 'cli.options'

return {
  name = 'run',
  summary = 'run the tree that FILE describes',
  args = { { 'FILE', 'the tree script' } },
  options = {
    { 'socket', 'PATH', 'where clients reach it' },
    { 'journal', 'PATH', 'keep the journal there' },
    {
      'log',
      'text|json',
      'how the journal is shown',
      'text',
      options.one_of('text', 'json'),
    },
    {
      'eval-time',
      'SECONDS',
      "processor time of the script's evaluation",
      evaluate.CPU,
      options.seconds,
    },
    { 'watch', nil, 'reload whenever a file that the evaluation read has changed' },
    { 'eval-memory', 'SIZE', "memory of the script's evaluation", '1G', options.size },
  },
  run = function(given)
    local file, why = io.open(given.FILE)
    if not file then
      io.stderr:write(('runsmith run: %s\n'):format(why))
      return 1
    end
    file:close()
    return require('runsmith.host').run {
      file = given.FILE,
      socket = given.socket,
      journal = given.journal,
      log = given.log,
      watch = given.watch,
      eval_time = given['eval-time'],
      eval_memory = given['eval-memory'] == '1G' and evaluate.MEMORY
        or given['eval-memory'],
    }
  end,
}
