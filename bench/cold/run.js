// One result of ONNX Runtime under node: node run.js MODEL THREADS 1x3x224x224. Needs 'npm install --ignore-scripts --omit=optional onnxruntime-node@1.30.0' beside this file.
const ort = require('onnxruntime-node');

(async () => {
  const [, , model, threads, shape] = process.argv;
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: Number(threads) });
  const dims = shape.split('x').map(Number);
  const x = new ort.Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)), dims);
  const results = await session.run({ [session.inputNames[0]]: x });
  console.log(results[session.outputNames[0]].data[0]);
})();
