import { MemoryDevice } from '@tidemark/block';
import { applyRepair, checkImage, describeAction, planRepair } from '@tidemark/doctor';
import { createQcow2 } from '@tidemark/qcow2';

const image = new MemoryDevice({ size: 0 }); // or: await openFileDevice('vm.qcow2', { writable: true })
await createQcow2(image, { size: 2 ** 30 });
await image.writeZeroes(0x20002, 2); // somebody has cut off a refcount

const { corruptions, findings } = await checkImage(image);
console.log(corruptions, findings[0]?.message); // counted as `qemu-img check` counts

const plan = await planRepair(image); // reads only
console.log(plan.actions.map(describeAction));
const undo = new MemoryDevice({ size: 0 }); // for the old content; `undoRepair` takes it back
await applyRepair(image, plan, { undo });
console.log((await checkImage(image)).corruptions);
