package com.example.sofarpc;

import com.alipay.sofa.rpc.context.RpcInvokeContext;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

final class EchoServiceImpl implements EchoService {
    private final Map<String, Integer> arrivals = new ConcurrentHashMap<>();

    @Override
    public String echo(String value) {
        return value;
    }

    @Override
    public Order echoOrder(Order order) {
        return order;
    }

    @Override
    public Order reject(Order order, int code) throws OrderException {
        throw new OrderException("no order for " + order.customer(), code);
    }

    @Override
    public String fail(String message) {
        throw new IllegalStateException(message);
    }

    @Override
    public String sleep(String value, int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return value;
    }

    @Override
    public void record(String key) {
        arrivals.merge(key, 1, Integer::sum);
    }

    @Override
    public int recorded(String key) {
        return arrivals.getOrDefault(key, 0);
    }

    @Override
    public Map<String, String> context() {
        RpcInvokeContext context = RpcInvokeContext.getContext();
        context.putResponseBaggage("answered-by", "server");
        Map<String, String> seen = new HashMap<>();
        seen.put("baggage", context.getRequestBaggage("tenant"));
        seen.put("property", (String) context.get(PropertyFilter.PROPERTY));
        return seen;
    }
}
