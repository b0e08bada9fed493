// memlab's heap-analysis API: load, retained sizes, and a table of objects by constructor.
const { getFullHeapFromFile } = require('@memlab/heap-analysis');

async function main(file) {
  const heap = await getFullHeapFromFile(file);
  const classes = new Map();
  heap.nodes.forEach((node) => {
    if (node.type !== 'object') return;
    const row = classes.get(node.name) ?? { count: 0, self: 0, retained: 0 };
    row.count += 1;
    row.self += node.self_size;
    row.retained += node.retainedSize;
    classes.set(node.name, row);
  });
  console.log(JSON.stringify({ nodes: heap.nodes.length, edges: heap.edges.length, classes: classes.size }));
  process.exit(0);
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
