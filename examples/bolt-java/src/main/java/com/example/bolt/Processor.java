package com.example.bolt;

import com.alipay.remoting.BizContext;
import com.alipay.remoting.rpc.protocol.SyncUserProcessor;

/** A user processor for one class of request, made of a function. */
final class Processor<T> extends SyncUserProcessor<T> {
    /** What a processor does with a request; its result is the answer, which bolt drops if the request was one-way. */
    interface Handler<T> {
        Object handle(BizContext context, T request) throws Exception;
    }

    private final Class<T> request;
    private final Handler<T> handler;

    Processor(Class<T> request, Handler<T> handler) {
        this.request = request;
        this.handler = handler;
    }

    @Override
    public Object handleRequest(BizContext context, T message) throws Exception {
        return handler.handle(context, message);
    }

    @Override
    public String interest() {
        return request.getName();
    }
}
