package com.example.sofarpc;

import static com.example.sofarpc.Checks.expect;
import static com.example.sofarpc.Checks.same;

import com.alipay.sofa.rpc.context.RpcInvokeContext;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import com.example.sofarpc.proto.GreetingReply;
import com.example.sofarpc.proto.GreetingRequest;
import com.example.sofarpc.proto.Stop;
import com.google.protobuf.ByteString;
import java.util.Map;

/** Services told apart by version and unique id, protobuf instead of hessian2, and what travels beside the arguments. */
final class ServiceChecks {
    private final Services services;

    ServiceChecks(Services services) {
        this.services = services;
    }

    void run(Checks checks) {
        checks.check("unique-id", this::uniqueId);
        checks.check("version", this::version);
        checks.check("protobuf", this::protobuf);
        checks.check("protobuf-exception", this::protobufException);
        checks.check("baggage", this::baggage);
        checks.check("request-property", this::requestProperty);
    }

    private void uniqueId() {
        same("plain", services.of(ZoneService.class).refer().zone());
        same("blue", services.of(ZoneService.class).setUniqueId("blue").refer().zone());
        same("green", services.of(ZoneService.class).setUniqueId("green").refer().zone());
    }

    private void version() {
        same("v2", services.of(ZoneService.class).setVersion("2.0").refer().zone());
        same("v2-blue", services.of(ZoneService.class).setVersion("2.0").setUniqueId("blue").refer().zone());
    }

    private void protobuf() {
        GreetingRequest request = GreetingRequest.newBuilder()
            .setName("\u8a02\u55ae \ud83d\ude00")
            .addStops(Stop.newBuilder().setCity("Oslo").setDistance(-0.5))
            .addStops(Stop.getDefaultInstance())
            .putCounts("all", Long.MIN_VALUE)
            .setPayload(ByteString.copyFrom(new byte[100_000]))
            .build();
        GreetingReply reply = greeting().greet(request);
        same("hello " + request.getName(), reply.getText());
        same(request, reply.getRequest());
    }

    /** Protobuf answers carry an exception as its message alone. */
    private void protobufException() {
        GreetingRequest request = GreetingRequest.newBuilder().setName("not today").build();
        try {
            greeting().refuse(request);
        } catch (SofaRpcException e) {
            expect(e.getMessage().contains("not today"), "message: " + e.getMessage());
            return;
        }
        throw new AssertionError("the call returned");
    }

    private GreetingService greeting() {
        return services.of(GreetingService.class).setSerialization("protobuf").refer();
    }

    private void baggage() {
        EchoService echo = services.echo();
        RpcInvokeContext.getContext().putRequestBaggage("tenant", "north");
        try {
            same("north", echo.context().get("baggage"));
            same("server", RpcInvokeContext.getContext().getResponseBaggage("answered-by"));
        } finally {
            RpcInvokeContext.removeContext();
        }
    }

    private void requestProperty() {
        EchoService echo = services.echo();
        RpcInvokeContext.getContext().addCustomHeader(PropertyFilter.PROPERTY, "tag \u00e9 1");
        Map<String, String> seen = echo.context();
        same("tag \u00e9 1", seen.get("property"));
        same(null, seen.get("baggage"));
    }
}
