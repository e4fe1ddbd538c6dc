package com.example.sofarpc;

import com.alipay.sofa.rpc.context.RpcInvokeContext;
import com.alipay.sofa.rpc.core.request.SofaRequest;
import com.alipay.sofa.rpc.core.response.SofaResponse;
import com.alipay.sofa.rpc.filter.Filter;
import com.alipay.sofa.rpc.filter.FilterInvoker;

/** A server-side filter: only filters see the properties of a request, so it lays one where the service finds it. */
final class PropertyFilter extends Filter {
    static final String PROPERTY = "x-request-tag";

    @Override
    public SofaResponse invoke(FilterInvoker invoker, SofaRequest request) {
        Object value = request.getRequestProp(PROPERTY);
        if (value != null) {
            RpcInvokeContext.getContext().put(PROPERTY, value);
        }
        return invoker.invoke(request);
    }
}
