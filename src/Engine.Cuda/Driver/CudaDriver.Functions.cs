namespace Engine.Cuda;

// The functions, in the order of the driver's manual. Each returns a CUresult, 0 for success.
internal sealed unsafe partial class CudaDriver
{
    private nint _init, _driverGetVersion, _getErrorName, _getErrorString, _deviceGetCount, _deviceGet, _deviceGetName, _deviceTotalMem;
    private nint _deviceGetAttribute, _primaryCtxRetain, _primaryCtxRelease, _ctxSetCurrent, _ctxSynchronize, _memAlloc, _memFree, _memHostAlloc;
    private nint _memFreeHost, _memGetInfo, _memcpyHtoDAsync, _memcpyDtoHAsync, _memcpyDtoDAsync, _memsetD8Async, _moduleLoadData, _moduleUnload;
    private nint _moduleGetFunction, _funcGetAttribute, _funcSetAttribute, _occupancyMaxActiveBlocks, _linkCreate, _linkAddData, _linkComplete;
    private nint _linkDestroy, _launchKernel, _streamCreate, _streamDestroy, _streamSynchronize, _streamWaitEvent, _streamBeginCapture;
    private nint _streamEndCapture, _graphGetNodes, _graphInstantiate, _graphLaunch, _graphExecDestroy, _graphDestroy, _eventCreate, _eventDestroy;
    private nint _eventRecord, _eventSynchronize, _eventElapsedTime;

    public int Init(uint flags) => ((delegate* unmanaged<uint, int>)Resolve(ref _init, "cuInit"))(flags);

    public int DriverGetVersion(int* version) => ((delegate* unmanaged<int*, int>)Resolve(ref _driverGetVersion, "cuDriverGetVersion"))(version);

    public int GetErrorName(int code, byte** text) => ((delegate* unmanaged<int, byte**, int>)Resolve(ref _getErrorName, "cuGetErrorName"))(code, text);

    public int GetErrorString(int code, byte** text) => ((delegate* unmanaged<int, byte**, int>)Resolve(ref _getErrorString, "cuGetErrorString"))(code, text);

    public int DeviceGetCount(int* count) => ((delegate* unmanaged<int*, int>)Resolve(ref _deviceGetCount, "cuDeviceGetCount"))(count);

    public int DeviceGet(int* device, int ordinal) => ((delegate* unmanaged<int*, int, int>)Resolve(ref _deviceGet, "cuDeviceGet"))(device, ordinal);

    public int DeviceGetName(byte* name, int length, int device) => ((delegate* unmanaged<byte*, int, int, int>)Resolve(ref _deviceGetName, "cuDeviceGetName"))(name, length, device);

    public int DeviceTotalMem(nuint* bytes, int device) => ((delegate* unmanaged<nuint*, int, int>)Resolve(ref _deviceTotalMem, "cuDeviceTotalMem_v2"))(bytes, device);

    public int DeviceGetAttribute(int* value, int attribute, int device) => ((delegate* unmanaged<int*, int, int, int>)Resolve(ref _deviceGetAttribute, "cuDeviceGetAttribute"))(value, attribute, device);

    public int PrimaryCtxRetain(nint* context, int device) => ((delegate* unmanaged<nint*, int, int>)Resolve(ref _primaryCtxRetain, "cuDevicePrimaryCtxRetain"))(context, device);

    public int PrimaryCtxRelease(int device) => ((delegate* unmanaged<int, int>)Resolve(ref _primaryCtxRelease, "cuDevicePrimaryCtxRelease_v2"))(device);

    public int CtxSetCurrent(nint context) => ((delegate* unmanaged<nint, int>)Resolve(ref _ctxSetCurrent, "cuCtxSetCurrent"))(context);

    public int CtxSynchronize() => ((delegate* unmanaged<int>)Resolve(ref _ctxSynchronize, "cuCtxSynchronize"))();

    public int MemAlloc(ulong* address, nuint bytes) => ((delegate* unmanaged<ulong*, nuint, int>)Resolve(ref _memAlloc, "cuMemAlloc_v2"))(address, bytes);

    public int MemFree(ulong address) => ((delegate* unmanaged<ulong, int>)Resolve(ref _memFree, "cuMemFree_v2"))(address);

    public int MemHostAlloc(nint* pointer, nuint bytes, uint flags) => ((delegate* unmanaged<nint*, nuint, uint, int>)Resolve(ref _memHostAlloc, "cuMemHostAlloc"))(pointer, bytes, flags);

    public int MemFreeHost(nint pointer) => ((delegate* unmanaged<nint, int>)Resolve(ref _memFreeHost, "cuMemFreeHost"))(pointer);

    public int MemGetInfo(nuint* free, nuint* total) => ((delegate* unmanaged<nuint*, nuint*, int>)Resolve(ref _memGetInfo, "cuMemGetInfo_v2"))(free, total);

    public int MemcpyHtoDAsync(ulong target, void* source, nuint bytes, nint stream) => ((delegate* unmanaged<ulong, void*, nuint, nint, int>)Resolve(ref _memcpyHtoDAsync, "cuMemcpyHtoDAsync_v2"))(target, source, bytes, stream);

    public int MemcpyDtoHAsync(void* target, ulong source, nuint bytes, nint stream) => ((delegate* unmanaged<void*, ulong, nuint, nint, int>)Resolve(ref _memcpyDtoHAsync, "cuMemcpyDtoHAsync_v2"))(target, source, bytes, stream);

    public int MemcpyDtoDAsync(ulong target, ulong source, nuint bytes, nint stream) => ((delegate* unmanaged<ulong, ulong, nuint, nint, int>)Resolve(ref _memcpyDtoDAsync, "cuMemcpyDtoDAsync_v2"))(target, source, bytes, stream);

    public int MemsetD8Async(ulong target, byte value, nuint bytes, nint stream) => ((delegate* unmanaged<ulong, byte, nuint, nint, int>)Resolve(ref _memsetD8Async, "cuMemsetD8Async"))(target, value, bytes, stream);

    public int ModuleLoadData(nint* module, void* image) => ((delegate* unmanaged<nint*, void*, int>)Resolve(ref _moduleLoadData, "cuModuleLoadData"))(module, image);

    public int ModuleUnload(nint module) => ((delegate* unmanaged<nint, int>)Resolve(ref _moduleUnload, "cuModuleUnload"))(module);

    public int ModuleGetFunction(nint* function, nint module, byte* name) => ((delegate* unmanaged<nint*, nint, byte*, int>)Resolve(ref _moduleGetFunction, "cuModuleGetFunction"))(function, module, name);

    public int FuncGetAttribute(int* value, int attribute, nint function) => ((delegate* unmanaged<int*, int, nint, int>)Resolve(ref _funcGetAttribute, "cuFuncGetAttribute"))(value, attribute, function);

    public int FuncSetAttribute(nint function, int attribute, int value) => ((delegate* unmanaged<nint, int, int, int>)Resolve(ref _funcSetAttribute, "cuFuncSetAttribute"))(function, attribute, value);

    public int OccupancyMaxActiveBlocks(int* blocks, nint function, int threads, nuint sharedBytes) => ((delegate* unmanaged<int*, nint, int, nuint, int>)Resolve(ref _occupancyMaxActiveBlocks, "cuOccupancyMaxActiveBlocksPerMultiprocessor"))(blocks, function, threads, sharedBytes);

    public int LinkCreate(uint count, int* options, void** values, nint* state) => ((delegate* unmanaged<uint, int*, void**, nint*, int>)Resolve(ref _linkCreate, "cuLinkCreate_v2"))(count, options, values, state);

    public int LinkAddData(nint state, int kind, void* data, nuint bytes, byte* name, uint count, int* options, void** values) => ((delegate* unmanaged<nint, int, void*, nuint, byte*, uint, int*, void**, int>)Resolve(ref _linkAddData, "cuLinkAddData_v2"))(state, kind, data, bytes, name, count, options, values);

    public int LinkComplete(nint state, void** cubin, nuint* bytes) => ((delegate* unmanaged<nint, void**, nuint*, int>)Resolve(ref _linkComplete, "cuLinkComplete"))(state, cubin, bytes);

    public int LinkDestroy(nint state) => ((delegate* unmanaged<nint, int>)Resolve(ref _linkDestroy, "cuLinkDestroy"))(state);

    public int LaunchKernel(nint function, uint blocksX, uint blocksY, uint blocksZ, uint threadsX, uint threadsY, uint threadsZ, uint sharedBytes, nint stream, void** parameters, void** extra) => ((delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)Resolve(ref _launchKernel, "cuLaunchKernel"))(function, blocksX, blocksY, blocksZ, threadsX, threadsY, threadsZ, sharedBytes, stream, parameters, extra);

    public int StreamCreate(nint* stream, uint flags) => ((delegate* unmanaged<nint*, uint, int>)Resolve(ref _streamCreate, "cuStreamCreate"))(stream, flags);

    public int StreamDestroy(nint stream) => ((delegate* unmanaged<nint, int>)Resolve(ref _streamDestroy, "cuStreamDestroy_v2"))(stream);

    public int StreamSynchronize(nint stream) => ((delegate* unmanaged<nint, int>)Resolve(ref _streamSynchronize, "cuStreamSynchronize"))(stream);

    public int StreamWaitEvent(nint stream, nint e, uint flags) => ((delegate* unmanaged<nint, nint, uint, int>)Resolve(ref _streamWaitEvent, "cuStreamWaitEvent"))(stream, e, flags);

    public int StreamBeginCapture(nint stream, int mode) => ((delegate* unmanaged<nint, int, int>)Resolve(ref _streamBeginCapture, "cuStreamBeginCapture_v2"))(stream, mode);

    public int StreamEndCapture(nint stream, nint* graph) => ((delegate* unmanaged<nint, nint*, int>)Resolve(ref _streamEndCapture, "cuStreamEndCapture"))(stream, graph);

    public int GraphGetNodes(nint graph, nint* nodes, nuint* count) => ((delegate* unmanaged<nint, nint*, nuint*, int>)Resolve(ref _graphGetNodes, "cuGraphGetNodes"))(graph, nodes, count);

    public int GraphInstantiate(nint* executable, nint graph, ulong flags) => ((delegate* unmanaged<nint*, nint, ulong, int>)Resolve(ref _graphInstantiate, "cuGraphInstantiateWithFlags"))(executable, graph, flags);

    public int GraphLaunch(nint executable, nint stream) => ((delegate* unmanaged<nint, nint, int>)Resolve(ref _graphLaunch, "cuGraphLaunch"))(executable, stream);

    public int GraphExecDestroy(nint executable) => ((delegate* unmanaged<nint, int>)Resolve(ref _graphExecDestroy, "cuGraphExecDestroy"))(executable);

    public int GraphDestroy(nint graph) => ((delegate* unmanaged<nint, int>)Resolve(ref _graphDestroy, "cuGraphDestroy"))(graph);

    public int EventCreate(nint* e, uint flags) => ((delegate* unmanaged<nint*, uint, int>)Resolve(ref _eventCreate, "cuEventCreate"))(e, flags);

    public int EventDestroy(nint e) => ((delegate* unmanaged<nint, int>)Resolve(ref _eventDestroy, "cuEventDestroy_v2"))(e);

    public int EventRecord(nint e, nint stream) => ((delegate* unmanaged<nint, nint, int>)Resolve(ref _eventRecord, "cuEventRecord"))(e, stream);

    public int EventSynchronize(nint e) => ((delegate* unmanaged<nint, int>)Resolve(ref _eventSynchronize, "cuEventSynchronize"))(e);

    public int EventElapsedTime(float* milliseconds, nint start, nint end) => ((delegate* unmanaged<float*, nint, nint, int>)Resolve(ref _eventElapsedTime, "cuEventElapsedTime"))(milliseconds, start, end);
}
