using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Engine.Tests.Habits;

/// <summary>Writes the public types of assembly Engine, and every engine type that their signatures lead to, one member a line.</summary>
internal sealed class PublicApi
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> s_keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(nint)] = "nint",
        [typeof(nuint)] = "nuint",
    };

    private readonly SortedDictionary<string, (string Header, List<string> Members)> _types = new(StringComparer.Ordinal);
    private readonly HashSet<Type> _seen = [];

    public static string Describe(Assembly assembly)
    {
        var api = new PublicApi();
        foreach (var t in assembly.GetExportedTypes()) api.Visit(t);
        var text = new StringBuilder();
        foreach (var (header, members) in api._types.Values)
        {
            text.Append(header).Append('\n');
            foreach (string m in members) text.Append("    ").Append(m).Append('\n');
        }
        return text.ToString();
    }

    private void Visit(Type t)
    {
        if (t.HasElementType)
        {
            Visit(t.GetElementType()!);
            return;
        }
        foreach (var a in t.GetGenericArguments()) if (!a.IsGenericParameter) Visit(a);
        if (t.IsGenericParameter || t.Assembly.GetName().Name?.StartsWith("Engine", StringComparison.Ordinal) != true) return;
        if (t.IsGenericType) t = t.GetGenericTypeDefinition();
        if (!t.IsVisible || !_seen.Add(t)) return;

        var members = new List<string>();
        _types[t.FullName!] = (Header(t), members);
        if (t.IsEnum)
        {
            foreach (string name in Enum.GetNames(t)) members.Add($"{name} = {Convert.ToInt64(Enum.Parse(t, name), CultureInfo.InvariantCulture)}");
            return;
        }
        if (typeof(Delegate).IsAssignableFrom(t))
        {
            members.Add(Method(t.GetMethod("Invoke")!));
            return;
        }
        foreach (var c in t.GetConstructors(Declared).Where(Exposed)) members.Add($"new({Parameters(c)})");
        foreach (var f in t.GetFields(Declared).Where(f => f.IsPublic || f.IsFamily)) members.Add($"{Use(f.FieldType)} {f.Name}{(f.IsStatic ? " static" : "")}");
        foreach (var p in t.GetProperties(Declared)) if (Property(p) is { } line) members.Add(line);
        foreach (var e in t.GetEvents(Declared).Where(e => Exposed(e.AddMethod!))) members.Add($"event {Use(e.EventHandlerType!)} {e.Name}");
        foreach (var m in t.GetMethods(Declared).Where(m => Exposed(m) && IsWritten(m))) members.Add(Method(m));
        members.Sort(StringComparer.Ordinal);
        foreach (var n in t.GetNestedTypes()) Visit(n);
        // The cases of a union, such as errors and weights; operators have a namespace of their own.
        foreach (var s in t.Assembly.GetExportedTypes().Where(s => s.BaseType == t && s.Namespace == t.Namespace)) Visit(s);
    }

    private string Header(Type t)
    {
        string kind = t.IsEnum ? "enum" : typeof(Delegate).IsAssignableFrom(t) ? "delegate" : t.IsInterface ? "interface" : t.IsValueType ? "struct" : t.IsAbstract && t.IsSealed ? "static class" : t.IsAbstract ? "abstract class" : t.IsSealed ? "sealed class" : "class";
        var bases = new List<string>();
        if (kind is not ("enum" or "delegate"))
        {
            if (t.BaseType is { } b && b != typeof(object) && b != typeof(ValueType)) bases.Add(Use(b));
            bases.AddRange(t.GetInterfaces().Where(i => i.IsVisible).Except(t.BaseType?.GetInterfaces() ?? []).Select(Use).Order(StringComparer.Ordinal));
        }
        return $"{kind} {t.Namespace}.{Name(t)}{(bases.Count == 0 ? "" : " : " + string.Join(", ", bases))}";
    }

    private string? Property(PropertyInfo p)
    {
        bool get = p.GetMethod is { } g && Exposed(g), set = p.SetMethod is { } s && Exposed(s);
        if (!get && !set) return null;
        bool init = set && p.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));
        string index = p.GetIndexParameters() is { Length: > 0 } i ? $"[{string.Join(", ", i.Select(Parameter))}]" : "";
        return $"{Use(p.PropertyType)} {p.Name}{index} {{{(get ? " get;" : "")}{(set ? init ? " init;" : " set;" : "")} }}{((p.GetMethod ?? p.SetMethod)!.IsStatic ? " static" : "")}";
    }

    private string Method(MethodInfo m)
    {
        string generic = m.IsGenericMethod ? $"<{string.Join(", ", m.GetGenericArguments().Select(a => a.Name))}>" : "";
        string modifier = m.IsStatic ? " static" : m.IsAbstract && !m.DeclaringType!.IsInterface ? " abstract" : m.IsVirtual && !m.IsFinal && !m.DeclaringType!.IsInterface && m.GetBaseDefinition() == m ? " virtual" : "";
        return $"{Use(m.ReturnType)} {m.Name}{generic}({Parameters(m)}){modifier}";
    }

    private string Parameters(MethodBase m) => string.Join(", ", m.GetParameters().Select(Parameter));

    private string Parameter(ParameterInfo p)
    {
        string by = p.IsOut ? "out " : p.ParameterType.IsByRef ? p.IsIn ? "in " : "ref " : "";
        string fallback = !p.HasDefaultValue ? "" : p.DefaultValue switch { null => " = default", string s => $" = \"{s}\"", bool b => b ? " = true" : " = false", var v => $" = {v}" };
        return $"{by}{Use(p.ParameterType)} {p.Name}{fallback}";
    }

    /// <summary>The type's name in a signature; what it leads to is described too.</summary>
    private string Use(Type t)
    {
        Visit(t);
        return Name(t);
    }

    private static string Name(Type t)
    {
        if (t.IsByRef) return Name(t.GetElementType()!);
        if (t.IsPointer) return Name(t.GetElementType()!) + "*";
        if (t.IsArray) return $"{Name(t.GetElementType()!)}[{new string(',', t.GetArrayRank() - 1)}]";
        if (Nullable.GetUnderlyingType(t) is { } n) return Name(n) + "?";
        if (t.IsGenericParameter) return t.Name;
        if (s_keywords.TryGetValue(t, out var keyword)) return keyword;
        string name = t.IsNested ? $"{Name(t.DeclaringType!)}.{t.Name}" : t.Name;
        if (!t.IsGenericType || !name.Contains('`', StringComparison.Ordinal)) return name;
        return $"{name[..name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", t.GetGenericArguments().Select(Name))}>";
    }

    private static bool Exposed(MethodBase m) => m.IsPublic || m.IsFamily || m.IsFamilyOrAssembly;

    // Accessors show as properties; what a compiler makes for records, and overrides, say nothing new.
    private static bool IsWritten(MethodInfo m) =>
        (!m.IsSpecialName || m.Name.StartsWith("op_", StringComparison.Ordinal))
        && !m.IsDefined(typeof(CompilerGeneratedAttribute))
        && !(m.IsVirtual && m.GetBaseDefinition() != m);
}
