// Stands in the built program for what oclif loads at every start and infra never uses: see bundle.mjs.
const nothing = () => nothing
module.exports = nothing
